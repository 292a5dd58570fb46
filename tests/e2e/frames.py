"""Codes and their frames, by a few lines that know nothing of our program (media/FORMAT.md has the grammar): zbar reads a picture, frames are
made and joined."""
import base64
import hashlib
import subprocess


def base32(data):
    return base64.b32encode(data).decode().rstrip("=")


class Frame:
    """One line, checked alone."""

    def __init__(self, text):
        self.kind, self.sid, self.index, self.total, self.data = text[5], text[6:14], int(text[14:16]), int(text[16:18]), text[18:-4]
        if text[:5] != "KCYZ1" or text[-4:] != base32(hashlib.sha256(text[:-4].encode()).digest())[:4]:
            raise AssertionError(f"not a frame: {text}")


def frames_of(kind, payload, pieces):
    text, sid = base32(payload), base32(hashlib.sha256(payload).digest())[:8]
    length = -(-len(text) // pieces)
    bodies = [f"KCYZ1{kind}{sid}{index + 1:02}{pieces:02}{text[index * length:(index + 1) * length]}" for index in range(pieces)]
    return [body + base32(hashlib.sha256(body.encode()).digest())[:4] for body in bodies]


def joined(frames):
    text = "".join(frames[index].data for index in sorted(frames))
    payload = base64.b32decode(text + "=" * (-len(text) % 8))
    if base32(hashlib.sha256(payload).digest())[:8] != frames[1].sid:
        raise AssertionError("the frames do not give the payload that they name")
    return payload


def codes_in(picture):
    """What zbar reads off it; "" where there is no code."""
    done = subprocess.run(["zbarimg", "--nodbus", "--raw", "-q", "-Sdisable", "-Sqrcode.enable", picture], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 4):  # 4: no code
        raise AssertionError(f"zbarimg: {done.stderr}")
    return done.stdout.strip()
