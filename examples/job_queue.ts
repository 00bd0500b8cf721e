/**
 * Workers on a queue of jobs in one file. Kill it at any moment and run it again: no job is lost,
 * and none is done twice.
 *
 *     deno run --allow-read=jobs.quire --allow-write=jobs.quire \
 *       examples/job_queue.ts jobs.quire add 100
 *
 * A job finds the largest prime factor of a number. To show retries, some numbers fail the first
 * time, and some always.
 */

import { open } from "../mod.ts";
import { type Claim, JobQueue } from "./job_queue/queue.ts";

const USAGE = `Usage: job_queue.ts FILE COMMAND

  add COUNT      add jobs
  work WORKERS   work until no job is left
  show           the number of jobs in each state, and the jobs that failed too often`;

const LEASE_MS = 500;
const REST_MS = 20;
const IDLE_MS = 10;

/** The work of a job. It is asynchronous, like most work. */
async function largestFactor(number: number, attempts: number): Promise<number> {
  await pause(Math.random() * 4);
  if (number % 13 === 0) throw new Error(`${number} is unlucky`);
  if (number % 7 === 0 && attempts === 1) throw new Error("not at the first attempt");
  let rest = number;
  for (let factor = 2; factor * factor <= rest; factor++) {
    while (rest % factor === 0 && rest > factor) rest /= factor;
  }
  return rest;
}

/** Does jobs, one after another, until there are no more. */
async function work(queue: JobQueue): Promise<void> {
  for (;;) {
    const claim = await queue.claim();
    if (claim !== undefined) await workOn(queue, claim);
    else if (isIdle(queue)) return;
    else await pause(IDLE_MS);
  }
}

async function workOn(queue: JobQueue, claim: Claim): Promise<void> {
  const { id, task, attempts } = claim.job;
  try {
    const result = await largestFactor(Number(task), attempts);
    // A worker that is too late has lost the job to another one, whose result counts.
    if (await queue.done(claim, String(result))) console.log(`done ${id}: ${task} has ${result}`);
  } catch (error) {
    await queue.retry(claim, String(error));
  }
}

/** Whether no job can be taken, now or later. */
function isIdle(queue: JobQueue): boolean {
  const { waiting, claimed, resting } = queue.counts();
  return waiting + claimed + resting === 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function show(queue: JobQueue): void {
  console.log(JSON.stringify(queue.counts()));
  for (const { id, task, attempts, reason } of queue.deadLetters()) {
    console.log(`dead ${id}: ${task} after ${attempts} attempts: ${reason}`);
  }
}

async function main([path, command, count = ""]: readonly string[]): Promise<void> {
  const isShow = command === "show" && count === "";
  const isCounted = (command === "add" || command === "work") && /^[1-9]\d*$/.test(count);
  if (path === undefined || !(isShow || isCounted)) throw new Error(USAGE);
  const amount = Number(count);
  using db = open(path);
  const queue = new JobQueue(db, { leaseMs: LEASE_MS, restMs: REST_MS });
  if (command === "add") {
    const tasks = Array.from({ length: amount }, (_, index) => String(index + 1));
    const ids = await queue.enqueue(tasks);
    console.log(`added ${ids.length}`);
  }
  if (command === "work") await Promise.all(Array.from({ length: amount }, () => work(queue)));
  if (isShow) show(queue);
}

try {
  await main(Deno.args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
}
