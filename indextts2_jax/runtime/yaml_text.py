"""YAML that people write: plain values, names as they are written, no references, no name twice. Needs PyYAML."""

from typing import Any

from indextts2_jax.runtime.text_files import MAX_DIGITS, TextFileError

TEXT = "tag:yaml.org,2002:str"


def parse_yaml(text: str, *, strings: bool = False) -> Any:
    """What YAML says, as dicts, lists, strings and numbers. The names of a dict are text: `no` is Norwegian, not False.

    Args:
      strings: a value is a string as it is written, "no", 1.10 and a date as well, unless it is empty.

    Raises:
      ImportError: PyYAML is not installed. TextFileError: it is not YAML, names a thing twice, has a number that no
      float holds, or has references: nine lines of them can stand for a thousand million values.
    """
    import yaml

    class Plain(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise ValueError("it has references (*name), which are not needed here")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if key.value in seen:
                    raise ValueError(f"line {key.start_mark.line + 1} has {key.value!r:.60} a second time")
                seen.add(key.value)
                key.tag = TEXT
            return super().construct_mapping(node, deep)

        def construct_yaml_int(self, node: Any) -> int:
            value = super().construct_yaml_int(node)
            if abs(value) >= 10**MAX_DIGITS:
                raise ValueError(f"line {node.start_mark.line + 1} has a number of {len(node.value)} digits")
            return int(value)

    Plain.add_constructor("tag:yaml.org,2002:int", Plain.construct_yaml_int)

    if strings:
        Plain.yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in kinds if tag == "tag:yaml.org,2002:null"]
            for first, kinds in Plain.yaml_implicit_resolvers.items()
        }
    try:
        return yaml.load(text, Plain)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TextFileError(f"not valid YAML: {' '.join(str(error).split())}") from None
