"""Packages carry compiled translations, which the repository does not keep."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledCatalogues(BuildHookInterface):  # type: ignore[misc]
    """Compile the translations before anything is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling at the beginning of each build."""
        sys.path.insert(0, self.root)
        from gatepost.up.catalogues import compile_catalogues

        compile_catalogues(Path(self.root) / "gatepost" / "locale")
