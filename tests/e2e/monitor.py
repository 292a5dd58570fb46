"""QEMU's monitor (QMP): JSON lines over a socket."""
import json
import time


class Monitor:
    def __init__(self, connection):
        self.connection = connection
        self.buffer, self.events = b"", []
        if "QMP" not in self.message(time.monotonic() + 30):
            raise AssertionError("the monitor did not greet")
        self.execute("qmp_capabilities", {})

    def message(self, limit):
        while b"\n" not in self.buffer:
            left = limit - time.monotonic()
            if left <= 0:
                raise AssertionError("the monitor did not answer in time")
            self.connection.settimeout(left)
            try:
                piece = self.connection.recv(65536)
            except TimeoutError:
                continue
            if not piece:
                raise AssertionError("the monitor is gone")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def execute(self, command, arguments, seconds=30):
        limit = time.monotonic() + seconds
        self.connection.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self.message(limit)
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise AssertionError(f"the monitor refuses {command} {arguments}: {message['error']['desc']}")
            else:
                return message["return"]

    def wait_for(self, event, accepts=lambda data: True, seconds=30):
        """The data of the first event of this name, seen already or to come, that is accepted."""
        limit = time.monotonic() + seconds
        while True:
            for seen in self.events:
                if seen["event"] == event and accepts(seen.get("data", {})):
                    self.events.remove(seen)
                    return seen.get("data", {})
            message = self.message(limit)
            if "event" in message:
                self.events.append(message)

    def close(self):
        self.connection.close()
