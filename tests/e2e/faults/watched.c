// Preloaded into one run: the clock shown CLOCK_OFFSET seconds off, one byte for each of the kernel's random ones where RANDOM_STUCK is
// set, and every flush and rename appended to FAULT_LOG with the
// path it was of, in the order they happened.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void note(const char *what, const char *path) {
  const char *log = getenv("FAULT_LOG");
  char line[4200];
  int fd = log == NULL ? -1 : open(log, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (fd < 0) return;
  int length = snprintf(line, sizeof line, "%s %s\n", what, path);
  if (write(fd, line, (size_t)length) != length) abort();
  close(fd);
}

static void note_of(const char *what, int fd) {
  char link[64], path[4096] = "?";
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n > 0) path[n] = 0;
  note(what, path);
}

int fsync(int fd) {
  int result = (int)syscall(SYS_fsync, fd);
  if (result == 0) note_of("fsync", fd);
  return result;
}

int fdatasync(int fd) {
  int result = (int)syscall(SYS_fdatasync, fd);
  if (result == 0) note_of("fdatasync", fd);
  return result;
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  int result = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  if (result == 0) note("from", from), note("rename", to);
  return result;
}

ssize_t getrandom(void *out, size_t n, unsigned flags) {
  if (getenv("RANDOM_STUCK") == NULL) return syscall(SYS_getrandom, out, n, flags);
  memset(out, 0x5a, n);
  return (ssize_t)n;
}

int clock_gettime(clockid_t clock, struct timespec *out) {
  int result = (int)syscall(SYS_clock_gettime, clock, out);
  const char *offset = getenv("CLOCK_OFFSET");
  if (result == 0 && clock == CLOCK_REALTIME && offset != NULL) out->tv_sec += atol(offset);
  return result;
}
