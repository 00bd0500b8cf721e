/* Makes syncs slower, to measure on a fast disk what a slow one would do.
 *
 *   cc -shared -fPIC -O2 -o slow_syncs.so slow_syncs.c -ldl
 *   SLOW_US=5000 LD_PRELOAD=./slow_syncs.so DENO run -A program.ts
 *
 * Each fdatasync and fsync, and each write on a descriptor opened with O_DSYNC or O_SYNC, takes
 * SLOW_US microseconds longer, in the thread that calls it.
 *
 * Limits:
 * - DENO must be the program itself, as `Deno.execPath()` returns it. A wrapper script would be
 *   slowed instead, and may drop the variables.
 * - Only calls through the C library are seen: no raw system calls, io_uring, msync or
 *   sync_file_range, and no program that is linked statically.
 * - The delay is a sleep. It takes no bandwidth, and concurrent syncs of several threads overlap,
 *   where a disk may process them one by one.
 * - SQLite inside Deno (node:sqlite, Deno KV) syncs with fsync. It would not be slowed if it were
 *   built to use another call. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct timespec delay; /* zero until the constructor has run */

__attribute__((constructor)) static void read_delay(void) {
  const char *text = getenv("SLOW_US");
  long us = text == NULL ? 0 : atol(text);
  if (us < 0) us = 0;
  delay.tv_sec = us / 1000000;
  delay.tv_nsec = us % 1000000 * 1000;
}

static int has_delay(void) { return delay.tv_sec != 0 || delay.tv_nsec != 0; }

/* Sleeps, and leaves errno as the call before set it. */
static void sleep_longer(void) {
  if (!has_delay()) return;
  int saved = errno;
  struct timespec left = delay;
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
  errno = saved;
}

/* Whether writes on a descriptor sync. O_SYNC includes the bit of O_DSYNC. */
static int is_synced(int fd) {
  if (!has_delay()) return 0;
  int saved = errno;
  int flags = fcntl(fd, F_GETFL);
  errno = saved;
  return flags != -1 && (flags & O_DSYNC) != 0;
}

#define NEXT(name) \
  static __typeof__(&name) next; \
  if (next == NULL) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define SLOW_WRITE(name, parameters, arguments) \
  ssize_t name parameters { \
    NEXT(name); \
    ssize_t written = next arguments; \
    if (is_synced(fd)) sleep_longer(); \
    return written; \
  }

#define SLOW_SYNC(name) \
  int name(int fd) { \
    NEXT(name); \
    int result = next(fd); \
    sleep_longer(); \
    return result; \
  }

SLOW_WRITE(write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
SLOW_WRITE(writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
SLOW_WRITE(pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at))
SLOW_WRITE(pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at))
SLOW_WRITE(pwritev, (int fd, const struct iovec *parts, int count, off_t at),
           (fd, parts, count, at))
SLOW_WRITE(pwritev64, (int fd, const struct iovec *parts, int count, off64_t at),
           (fd, parts, count, at))
SLOW_SYNC(fdatasync)
SLOW_SYNC(fsync)
