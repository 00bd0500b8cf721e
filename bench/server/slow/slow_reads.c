/* Makes reads of a file slower, to measure in memory what a slow disk would do.
 *
 *   cc -shared -fPIC -O2 -o slow_reads.so slow_reads.c -ldl
 *   SLOW_READ_US=1000 SLOW_READ_FILE=/a.quire LD_PRELOAD=./slow_reads.so DENO run -A program.ts
 *
 * It stands for the system's cache of a disk: each pread of a file whose path ends with
 * SLOW_READ_FILE takes SLOW_READ_US microseconds longer, in the thread that calls it, unless all of
 * its bytes are in the SLOW_READ_BLOCKS blocks of 64 KiB that were used last (256 by default).
 *
 * Limits:
 * - DENO must be the program itself, as `Deno.execPath()` returns it. A wrapper script would be
 *   slowed instead, and may drop the variables.
 * - Only pread through the C library is seen, and writes bring no block into the cache.
 * - The delay is a sleep. It takes no bandwidth, so concurrent reads of several threads overlap,
 *   as on an SSD or a network volume, and unlike on a disk with one arm. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_SHIFT 16
#define BLOCKS_MAX 65536

static struct timespec delay;
static const char *file; /* NULL until the constructor has run */
static int count = 256;
static long blocks[BLOCKS_MAX]; /* the numbers of the blocks in the cache, plus 1 */
static unsigned long uses[BLOCKS_MAX];
static unsigned long now;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void read_variables(void) {
  const char *text = getenv("SLOW_READ_US");
  long us = text == NULL ? 0 : atol(text);
  delay.tv_sec = us / 1000000;
  delay.tv_nsec = us % 1000000 * 1000;
  text = getenv("SLOW_READ_BLOCKS");
  if (text != NULL) count = atoi(text);
  if (count < 1 || count > BLOCKS_MAX) count = BLOCKS_MAX;
  file = us > 0 ? getenv("SLOW_READ_FILE") : NULL;
}

static int is_slowed(int fd) {
  if (file == NULL) return 0;
  char name[64], path[4096];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, path, sizeof path);
  ssize_t wanted = strlen(file);
  return length >= wanted && memcmp(path + length - wanted, file, wanted) == 0;
}

/* Marks a block as used now; returns whether it was in the cache. */
static int use(long block) {
  int oldest = 0;
  now++;
  for (int i = 0; i < count; i++) {
    if (blocks[i] == block + 1) {
      uses[i] = now;
      return 1;
    }
    if (uses[i] < uses[oldest]) oldest = i;
  }
  blocks[oldest] = block + 1;
  uses[oldest] = now;
  return 0;
}

/* Sleeps if a read misses the cache, and leaves errno as it was. */
static void wait_for(int fd, size_t size, off64_t at) {
  int saved = errno;
  if (size > 0 && is_slowed(fd)) {
    int misses = 0;
    pthread_mutex_lock(&lock);
    off64_t last = (at + (off64_t)size - 1) >> BLOCK_SHIFT;
    for (off64_t block = at >> BLOCK_SHIFT; block <= last; block++) misses += !use(block);
    pthread_mutex_unlock(&lock);
    struct timespec left = delay;
    if (misses > 0)
      while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
  }
  errno = saved;
}

#define SLOW_READ(name, offset) \
  ssize_t name(int fd, void *bytes, size_t size, offset at) { \
    static __typeof__(&name) next; \
    if (next == NULL) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
    wait_for(fd, size, at); \
    return next(fd, bytes, size, at); \
  }

SLOW_READ(pread, off_t)
SLOW_READ(pread64, off64_t)
