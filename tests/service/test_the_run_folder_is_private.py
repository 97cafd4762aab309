import os
import stat

import pytest

from sip_plugin.service.run_dir import RunDirError, claim


def test_it_is_made_for_the_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        run_dir = claim(tmp_path / "deep" / "run")
    finally:
        os.umask(before)
    assert stat.S_IMODE(run_dir.path.stat().st_mode) == 0o700
    run_dir.release()


def test_a_folder_that_others_may_enter_is_refused(tmp_path):
    open_folder = tmp_path / "run"
    open_folder.mkdir(mode=0o755)
    open_folder.chmod(0o755)
    with pytest.raises(RunDirError, match=r"mode 0755.*chmod 700"):
        claim(open_folder)


def test_a_link_in_its_place_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunDirError, match="is not a folder"):
        claim(tmp_path / "run")


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunDirError, match="run_dir"):
        claim(tmp_path / "run")


def test_a_path_too_long_for_a_socket_is_refused(tmp_path):
    with pytest.raises(RunDirError, match="too long for a Unix socket"):
        claim(tmp_path / ("x" * 100))


def test_sockets_of_a_killed_plugin_are_removed(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    for name in ("plane.sock", "control.sock"):
        (folder / name).write_text("")
    claim(folder).release()
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_a_note_of_a_child_whose_pid_is_somebody_elses_now_kills_nobody(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    (folder / "worker-0.child").write_text(f"{os.getpid()} 12345\n")
    (folder / "worker-1.child").write_text("nonsense")
    (folder / "worker-2.child").write_text("99999999999 1")
    claim(folder).release()
    assert not list(folder.glob("*.child"))
