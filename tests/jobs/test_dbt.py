"""The dbt example: what its page says, on a real PostgreSQL and the emulator."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from docs_blocks import Block, block
from docs_shell import check, write
from people import audiences, digest, members

from demo.postgres import running_postgres

if TYPE_CHECKING:
    from pinterest_emulator.testing import Emulator

ROOT = Path(__file__).parents[2]
DBT = ROOT / ".venv-dbt" / "bin" / "dbt"
EVERYBODY = {"ann@shop.example", "bob@shop.example", "carol@shop.example"}

pytestmark = pytest.mark.skipif(
    not DBT.exists(), reason="dbt was not tried: `make dbt` installs it"
)


class Project:
    """A copy of the example, and a project of Meltano beside it."""

    def __init__(self, folder: Path, account: str, **env: str) -> None:
        self.folder = folder
        self.env = {
            "HOME": str(folder),
            "MELTANO_AUTO_INSTALL": "false",
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            **env,
        }
        shutil.copytree(ROOT / "examples" / "dbt", folder / "examples" / "dbt")
        shown = block("examples/dbt/README.md", "plugins:").text
        write(folder, "meltano.yml", _project(shown.replace("549755800001", account)))
        (folder / ".meltano").mkdir()
        for kind in ("extractors", "loaders"):
            (folder / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)

    def run(self, *steps: Block) -> None:
        check(steps, self.folder, {}, programs=[DBT.parent], env=self.env)

    def opt_out(self, address: str) -> None:
        """Note in the customers' table that somebody opted out."""
        path = self.folder / "examples" / "dbt" / "seeds" / "crm_customers.csv"
        changed = path.read_text().replace(f"{address},true,,", f"{address},true,2026-03-01,")
        assert changed != path.read_text()
        path.write_text(changed)


def _project(shown: str) -> str:
    """Complete what the page shows of `meltano.yml` by what ``meltano add`` and ``init`` write."""
    ours = yaml.safe_load((ROOT / "meltano.yml").read_text())
    plugins = yaml.safe_load(shown)["plugins"]
    for kind, found in plugins.items():
        added = {each["name"]: each for each in ours["plugins"][kind]}
        for plugin in found:
            for key in ("namespace", "executable", "pip_url", "capabilities", "settings"):
                plugin[key] = added[plugin["name"]][key]
    kept = {key: ours[key] for key in ("default_environment", "environments")}
    return str(yaml.safe_dump({**kept, "plugins": plugins}))


def test_models_of_dbt_make_audiences_and_opt_outs_leave_the_lists(
    emulator: Emulator, account: str, tmp_path: Path
) -> None:
    build = block("examples/dbt/README.md", "pip install 'dbt-core")
    both = block("examples/dbt/README.md", "dbt build")
    with running_postgres() as postgres:
        project = Project(
            tmp_path,
            account,
            TARGET_PINTEREST_AUDIENCES_ACCESS_TOKEN="pina_demo",
            TARGET_PINTEREST_AUDIENCES_API_URL=emulator.url,
            **postgres.environment(),
        )
        project.run(build, both)
        names = {each["name"] for each in audiences(emulator, account)}
        assert names == {
            "Site visitors, 30 days",
            "Site visitors, 90 days",
            "All customers",
            "Big spenders",
        }
        assert members(emulator, account, "All customers") == set(map(digest, EVERYBODY))
        assert members(emulator, account, "Big spenders") == {
            digest("ann@shop.example"),
            digest("carol@shop.example"),
        }
        project.opt_out("ann@shop.example")
        project.run(both)
        left = EVERYBODY - {"ann@shop.example"}
        assert members(emulator, account, "All customers") == set(map(digest, left))
        assert members(emulator, account, "Big spenders") == {digest("carol@shop.example")}
        emulator.clear()
        project.run(both)
    assert [each["method"] for each in emulator.requests() if each["method"] != "GET"] == []
