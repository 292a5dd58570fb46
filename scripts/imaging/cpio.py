"""newc archives, the form in which the kernel takes its first filesystem: the same entries give the same bytes, whatever machine,
folder, clock or user. Entries are sorted, owned by root, and carry one time."""
import stat


def member(path, mode, content, number, seconds):
    name = path.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, seconds, len(content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def archive(entries, seconds):
    """`entries`: path without leading slash → (mode with type, bytes). Folders that are not named are made, 0755."""
    everything = dict(entries)
    for path in entries:
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            everything.setdefault("/".join(parts[:count]), (stat.S_IFDIR | 0o755, b""))
    out = bytearray()
    for number, (path, (mode, content)) in enumerate(sorted(everything.items()), 1):
        out += member(path, mode, content, number, seconds)
    out += member("TRAILER!!!", 0, b"", 0, 0)
    return bytes(out)
