"""The built wheel works alone: in an empty environment, outside the checkout, with its data inside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.house_rules import tracked_paths

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("contracts/", "services/")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git knows, so that nothing left over in the checkout gets in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in tracked_paths(ROOT):
        if path.startswith((*PRODUCT, "pyproject.toml", "README.md")):
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, source / path)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel; its dependencies are read where this run has them."""
    home = tmp_path_factory.mktemp("alone")
    venv.create(home, with_pip=False, symlinks=True)
    folder = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    # A folder named in a .pth file is searched, but the .pth files in it are not read: an editable install of the
    # checkout stays out of sight.
    (folder / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "python"


def run_alone(python: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "BERCEAU"))}
    return subprocess.run([str(python), *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def test_the_wheel_holds_every_file_of_the_product_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == {path for path in tracked_paths(ROOT) if path.startswith(PRODUCT)}


def test_every_module_of_the_wheel_is_importable_outside_the_checkout(alone: Path, tmp_path: Path) -> None:
    script = (
        "import contracts, importlib, pkgutil, services\n"
        "for package in (contracts, services):\n"
        "    assert 'site-packages' in package.__file__, package.__file__\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if '.migrations.' not in module.name and not module.name.endswith('__main__'):\n"
        "            importlib.import_module(module.name)\n"
        "            print(module.name)\n"
    )
    run = run_alone(alone, "-c", script, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "services.matcher.solver.schema" in run.stdout.split()


def test_neither_tests_nor_deployment_are_importable_beside_the_wheel(alone: Path, tmp_path: Path) -> None:
    run = run_alone(alone, "-c", "import deploy.servers", cwd=tmp_path)
    assert "No module named 'deploy'" in run.stderr


def test_the_wheel_alone_lives_a_day_of_the_demo_and_finds_no_broken_rule(alone: Path, tmp_path: Path) -> None:
    run = run_alone(
        alone, "-m", "services.cli", "demo", "--headless", "--days", "1", "--size", "small", "--json", cwd=tmp_path
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    figures = json.loads(run.stdout)
    assert figures["violations"] == [] and figures["proposals"], "places were proposed, and every check held"
    assert {row["fate"] for row in figures["requests"]} >= {"waiting"}, "the fate of every request is told"
    assert list(tmp_path.iterdir()) == [], "nothing stays behind"
