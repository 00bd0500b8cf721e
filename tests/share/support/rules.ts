/**
 * The rules of `docs/sharing.md` by name. Each can be turned off in the model, which plants the
 * fault that the rule prevents.
 */

/** What each rule demands. */
export const RULES = {
  lock: "transactions run under the write lock",
  refresh: "the holder of the lock first reads on to the end of the journal",
  tail: "the end of the journal is where its batches end, not where the commit word says",
  durableBefore: "a batch is written through only if everything before it is on the medium",
  honestDurable: "a batch names as durable only what was on the medium before its write",
  landing: "a landing covers only what was written at the take-off",
  chain: "a batch names the one before it",
  partsLast: "parts of a transaction apply only with the last",
  otherArea: "where an area ends, the next batch may be the first of the other area",
  unfinished: "so too behind the beginning of a transaction",
  publish: "the commit word follows the sync of the batch",
  ackLast: "the acknowledgement follows the commit word",
  wordSum: "a torn commit word is not believed",
  missed: "a process that cannot reach the word's sequence loads again",
  compareLoaded: "pages in memory outlive a load only if their headers are current",
  imageSpan: "a page replaced by one that the snapshot sees too is no image for it",
  tooNew: "a page newer than the reader's version is not used",
  freed: "a free page where one is expected is no damage",
  mismatch: "a sum that does not match is judged again under the lock",
  judgeLatest: "damage is judged at the newest version",
  underLock: "pages are written in place only under the lock",
  confirmed: "pages are written in place only if a later batch confirms their versions",
  pins: "no page is written in place that a pin still needs",
  stalePins: "a pin that was not renewed for long does not count",
  pinFirst: "a pin counts if the commit word has not moved since it was written",
  pinsAfterWord: "pins are read after the commit word was written",
  pinsLose: "at the bound of the journal pins lose",
  placed: "who needs all pages of a version stops where newer ones may be in place",
  placedFirst: "the lock file says so before the first of them is",
  headerFromFile: "header pages are changed as they are in the file, never from memory",
  switchBatch: "a switch of areas is a batch",
  endSync: "pages are synced before the superblock that counts on them",
  superSync: "each copy of a superblock is synced before the next step",
  superAhead: "a superblock newer than the commit word is synced before it counts",
  readSuper: "the holder of the lock reads the superblock, whatever the commit word says",
  dropLate: "records leave the index when their checkpoint has ended",
  areaListed: "a chunk belongs to an area once a superblock lists it, and no sooner",
  areaPast: "a new chunk of an area lies past every page that a crash may bring back",
  freshChunk: "a chunk by which the file grows is empty, whatever the file has there",
  jump: "a process behind a superblock goes to its generation, or loads again",
  cutLast: "the file is cut when its checkpoint has ended",
  alone: "only a process that is alone recovers",
  presence: "an open file is announced by a lock",
  openLock: "files are opened and closed under the write lock",
  gapCheck: "after a change of the presence lock the superblock is read again",
  resetSide: "a process that is alone makes the sidecar anew",
  keepSide: "a process that is not alone leaves the sidecar",
  recoverySync: "recovery syncs what it only read",
  rewrite: "a process that opens the file writes again what its sync has to cover",
  freshDone: "it counts no chunk as in place that was written before, and says so in the word",
  latch: "after a failed write or sync a process writes nothing more",
  newGeneration: "after a recovery the journal begins a new generation",
  lastClean: "the last to close ends with a checkpoint and marks the file clean",
  followBound: "a follower goes no further than what is known to be on the medium",
  followSuper: "a follower reads the superblock at each refresh, and again at its end",
  bypassConfirmed: "pages go past the journal only where a batch confirms their release",
  bypassPins: "and where no pin sees them",
  bypassSync: "and are synced before the batch that names them",
  bypassForget: "and that batch voids earlier records of them",
} as const;

/** The name of a rule. */
export type Rule = keyof typeof RULES;

/** All names. */
export const RULE_NAMES = Object.keys(RULES) as Rule[];
