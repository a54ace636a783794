"""Dialogue: scripts and subtitles of several speakers to one recording.

text ─ read_play, read_subtitles ─► Script ─┐
cast.yaml ─ load_cast ─► Cast ──────────────┴─ plan_script ─► Plan ─ perform ─► Recital, takes, one recording

script = read_play(text)
cast = Cast({"Anna": Part("anna.wav"), "Ben": Part("ben.wav", Emotion(weights="sad:0.6"))})
recital, audio = perform(tts, script, cast)
"""
