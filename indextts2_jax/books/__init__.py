"""Books: EPUB, Markdown and plain text to audio with chapters.

file ─ read_book ─► Book ─ plan_book ─► Plan ─ speak_plan ─► takes ─┬─ write_chapter ─► a file a chapter
                                                                   └─ bind ─► one file with chapter marks

book = read_book("book.epub")
narrate(tts, book, "voice.wav", "book.m4b")
"""
