"""A real Apache Kafka broker in a folder, on ports of the loopback (KRaft: it is its own controller)."""

import functools
import json
import signal
import subprocess
from pathlib import Path

from cluster import free_port
from fleet import await_

TOP = Path(__file__).resolve().parents[2]
LIBRARIES = TOP / "build/kafka/libs"
PATIENCE = 180
JAVA = ["-Xms128m", "-Xmx512m", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"]


@functools.cache
def libraries():
    """The class path; Maven fetches it once."""
    if not LIBRARIES.exists():
        new = LIBRARIES.with_suffix(".new")
        words = ["-q", "-B", "-ntp", "-f", TOP / "tests/parts/kafka-pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(["mvn", *words, f"-DoutputDirectory={new}"], text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
        new.rename(LIBRARIES)
    return f"{LIBRARIES}/*"


def java(*words, **how):
    done = subprocess.run(["java", *JAVA, "-cp", libraries(), *map(str, words)], text=True, capture_output=True, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Kafka:
    """properties: of the broker, on top. users: {name: password} of a second listener (SASL/PLAIN), whom nothing is allowed until allow()."""

    def __init__(self, folder, users=None, **properties):
        self.folder, self.process, self.users = Path(folder), None, users or {}
        self.port, self.controller, self.sasl_port = free_port(), free_port(), free_port()
        self.properties = {**self.defaults(), **(self.access() if users else {}), **{key.replace("_", "."): value for key, value in properties.items()}}
        self.address = f"127.0.0.1:{self.port}"
        self.sasl_address = f"127.0.0.1:{self.sasl_port}"

    def defaults(self):
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self.folder / "logs",
            "num.partitions": 4,
            "offsets.topic.replication.factor": 1,
            "auto.create.topics.enable": "true",
            "num.network.threads": 2,
            "num.io.threads": 4,
        }

    def access(self):
        known = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        return {
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller},SASL://127.0.0.1:{self.sasl_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port},SASL://127.0.0.1:{self.sasl_port}",
            "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config": f"org.apache.kafka.common.security.plain.PlainLoginModule required {known};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    def prepare(self):
        self.folder.mkdir(parents=True)
        config = self.folder / "server.properties"
        config.write_text("".join(f"{key}={value}\n" for key, value in self.properties.items()))
        (self.folder / "log4j.properties").write_text(
            "log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.out.layout=org.apache.log4j.PatternLayout\nlog4j.appender.out.layout.ConversionPattern=%d %p %c %m%n\n"
        )
        java("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", config)

    def start(self):
        if not self.folder.exists():
            self.prepare()
        words = [*JAVA, f"-Dlog4j.configuration=file:{self.folder}/log4j.properties", "-cp", libraries()]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["java", *words, "kafka.Kafka", self.folder / "server.properties"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        await_(self.answers, "Kafka", patience=PATIENCE)
        return self

    def answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
        return subprocess.run(["kcat", "-b", self.address, "-L", "-m", "1"], capture_output=True, timeout=30).returncode == 0

    def messages(self, topic):
        """All that are in the topic now, if there is one: {partition, offset, key, headers, payload}, in the order of each partition."""
        words = ["kcat", "-b", self.address, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J"]
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE)
        if b"Unknown topic" in done.stderr:
            return []
        assert done.returncode == 0, done.stderr.decode()
        found = []
        for line in done.stdout.splitlines():
            message = json.loads(line)
            names = message.get("headers", [])
            found.append({**message, "headers": dict(zip(names[::2], names[1::2], strict=True))})
        return found

    def values(self, topic):
        return [message["payload"] for message in self.messages(topic)]

    def allow(self, user, topic):
        words = ["--bootstrap-server", self.address, "--add", "--allow-principal", f"User:{user}", "--topic", topic]
        java("kafka.admin.AclCommand", *words, "--operation", "Write", "--operation", "Describe")

    def create(self, topic):
        java("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", self.address, "--create", "--topic", topic)

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
