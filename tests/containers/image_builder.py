"""Images, built for real where no engine runs: by buildah, on a base of Debian's packages, and kept."""

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from databases import program
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
BASE = "docker.io/library/python:3.11-slim-bookworm"
INPUTS = {
    "clientage": ("docker/Dockerfile", "docker/health", "docker/warm", "docker/check-env", "docker/.env.example", "src",
                  "pyproject.toml", "constraints.txt"),
    "clientage-airflow": ("docker/airflow.Dockerfile", "airflow", "constraints.txt"),
}  # fmt: skip
LITTLE = ("--set", "segments.bootstraps=2", "--set", "segments.k=4")
"""Settings of a run that is quick."""
OF_THIS_MACHINE = ("/etc/ssl/certs", "/etc/pip.conf", "~/.config/pip")
"""Certificates, and where packages come from: what a build needs to install any."""

OURS = "clientage-test-"  # begins the name of a container, which ends with the process that it belongs to


class Images:
    """A store of images of its own."""

    def __init__(self):
        self._numbers = itertools.count()
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        for driver in ("overlay", "vfs"):  # a layer is a folder to mount, or where that is not to be had a copy of all
            self.folder = cache / "clientage-tests" / "images" / driver
            self.folder.mkdir(parents=True, exist_ok=True)
            self._to = [program("buildah", "buildah"), "--storage-driver", driver, "--root", self.folder / "storage"]
            self._to += ["--runroot", self.folder / "run"]
            with contextlib.suppress(RuntimeError):
                self.buildah("info")
                break

    def buildah(self, *words):
        """What buildah says to a command."""
        done = subprocess.run(
            [*self._to, *map(str, words)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise RuntimeError(f"buildah {words[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout.strip()

    def there(self, name):
        return bool(self.buildah("images", "--quiet", "--filter", f"reference={name}"))

    def base(self):
        """Debian with Python, by the name of the base that the images ask for."""
        if self.there(BASE):
            return
        suite = next(line for line in Path("/etc/os-release").read_text().splitlines() if "VERSION_CODENAME" in line)
        ask = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
        mirror = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()[0]
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            make = [program("debootstrap", "debootstrap"), "--variant=minbase"]
            make += [
                "--include=python3,python3-venv,ca-certificates",
                suite.partition("=")[2].strip('"'),
                folder,
                mirror,
            ]
            made = subprocess.run(make, capture_output=True, text=True, check=False)
            if made.returncode:
                raise RuntimeError(f"debootstrap: {made.stdout[-2000:]}{made.stderr[-1000:]}")
            for left in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
                shutil.rmtree(Path(folder, left))
            container = self.buildah("from", "scratch")
            self.buildah("add", container, folder, "/")
            self.buildah("commit", "--rm", container, BASE)

    def image(self, name):
        """The name of an image of what is in the checkout now; those of before go."""
        with FileLock(self.folder / "lock"):  # tests run side by side
            return self._image(name)

    def _image(self, name):
        self.base()
        arguments = {"CLIENTAGE": self._image("clientage")} if name != "clientage" else {}
        whole = hashlib.sha256("".join(arguments.values()).encode())
        for path in sorted(found for each in INPUTS[name] for found in _files(ROOT / each)):
            whole.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
        wanted = f"localhost/{name}:{whole.hexdigest()[:16]}"
        if not self.there(wanted):
            self._build(name, f"localhost/{name}-libraries", "--target", "libraries", **arguments)
            self._build(name, wanted, **arguments)
            self._clean(name, wanted)
        return wanted

    def _build(self, name, tag, *options, **arguments):
        """An image under a name; layers of a build before it that are the same are taken from there."""
        mounts = [(Path(each).expanduser(), each.replace("~", "/root")) for each in OF_THIS_MACHINE]
        given = [f"--volume={here}:{there}:ro" for here, there in mounts if here.exists()]
        given += [f"--build-arg={key}={value}" for key, value in arguments.items()]
        self.buildah(
            "build", "--isolation", "chroot", "--pull-never", "--network", "host", "--format", "docker", "--layers",
            *given, *options, "--file", INPUTS[name][0], "--tag", tag, ".",
        )  # fmt: skip

    def _clean(self, name, wanted):
        """Remove images of before, and what whoever was killed has left of containers."""
        for container in self.buildah("containers", "--format", "{{.ContainerName}}").split():
            owner = container.rpartition("-")[2]
            if not container.startswith(OURS) or not Path("/proc", owner).exists():
                self.buildah("rm", container)
        kept = {wanted, f"localhost/{name}-libraries:latest"}
        for other in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}", "--filter", f"reference={name}").split():
            if other not in kept:
                with contextlib.suppress(RuntimeError):  # a run beside this one has a container of it
                    self.buildah("rmi", other)
        self.buildah("rmi", "--prune")  # layers that no image has any more

    def config(self, image):
        """What an image says of itself."""
        return json.loads(self.buildah("inspect", "--type", "image", image))["OCIv1"]["config"]

    @contextlib.contextmanager
    def container(self, image):
        """A container with data of its own, as long as this lasts."""
        name = f"{OURS}{next(self._numbers)}-{os.getpid()}"
        self.buildah("from", "--pull-never", "--name", name, image)
        try:
            yield Container(self, name)
        finally:
            self.buildah("rm", name)


class Container:
    """A container whose commands run as its user, on the network of this machine."""

    def __init__(self, images, name):
        self._images, self.name = images, name

    @property
    def root(self):
        """Its files, as this machine sees them."""
        return Path(self._images.buildah("mount", self.name))

    def _words(self, words, **variables):
        given = [f"--env={name}={value}" for name, value in variables.items()]
        to = ["run", "--isolation", "chroot", *given, self.name, "--"]
        return [*self._images._to, *to, *map(str, words)]

    def run(self, *words, status=0, **variables):
        """What a command says."""
        done = subprocess.run(
            self._words(words, **variables), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextlib.contextmanager
    def running(self, *words, **variables):
        """A command that stays, as long as this lasts."""
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                self._words(words, **variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait(60)
                with contextlib.suppress(ProcessLookupError):  # whoever is left would still write into its files
                    os.killpg(process.pid, signal.SIGKILL)


def _files(path):
    found = path.rglob("*") if path.is_dir() else [path]
    return [each for each in found if each.is_file() and "__pycache__" not in each.parts]
