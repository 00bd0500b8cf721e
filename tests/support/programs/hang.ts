/**
 * The time after which a test calls a program hung.
 *
 * It is far above what any of them takes, so that no result depends on the speed of a machine, or
 * on what else it runs: beside twenty other processes, commands take a hundred times as long.
 */

/** Milliseconds after which a program hangs. */
export const HANG_MS = 1_200_000;
