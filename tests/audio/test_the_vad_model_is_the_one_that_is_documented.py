import hashlib
from importlib import resources


def test_the_files_have_the_sums_that_the_readme_names():
    data = resources.files("bridge.audio") / "data"
    readme = (data / "README.md").read_text()
    for name in ("silero_vad.onnx", "silero_vad.LICENSE"):
        sha256 = hashlib.sha256((data / name).read_bytes()).hexdigest()
        assert f"| `{name}` | `{sha256}` |" in readme
    assert "MIT License" in (data / "silero_vad.LICENSE").read_text()
