"""YAML that people write: plain values, no references, no name twice. Needs PyYAML."""

from typing import Any

from indextts2_jax.runtime.text_files import TextFileError


def parse_yaml(text: str, *, strings: bool = False) -> Any:
    """What YAML says, as dicts, lists, strings and numbers.

    Args:
      strings: a value is a string as it is written, "no", 1.10 and a date as well, unless it is empty.

    Raises:
      ImportError: PyYAML is not installed. TextFileError: it is not YAML, names a thing twice, or has references: nine
      lines of them can stand for a thousand million values.
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
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    raise ValueError(f"line {key.start_mark.line + 1} has {key.value!r:.60} a second time")
                seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
            return super().construct_mapping(node, deep)

    if strings:
        Plain.yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in kinds if tag == "tag:yaml.org,2002:null"]
            for first, kinds in Plain.yaml_implicit_resolvers.items()
        }
    try:
        return yaml.load(text, Plain)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TextFileError(f"not valid YAML: {' '.join(str(error).split())}") from None
