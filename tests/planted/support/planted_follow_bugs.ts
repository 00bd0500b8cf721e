/**
 * Planted bugs of followers, which read a file that another process writes.
 */

import { bug, type PlantedBug } from "./planted_bugs.ts";

const FOLLOWER = "pager/follow/follower.ts";
const TAKEOVER = "pager/follow/takeover.ts";
const INDEX = "pager/follow/record_index.ts";
const TEST = "store/follow/following_session_test.ts";

/** Bugs of followers. */
export const FOLLOW_BUGS: readonly PlantedBug[] = [
  bug(
    "follow-bound",
    "a follower goes no further than what is known to be on the medium",
    FOLLOWER,
    "    const count = later < 0 ? groups.length : later;\n",
    "    const count = later < 0 ? groups.length : groups.length;\n",
    TEST,
  ),
  bug(
    "follow-drops-early",
    "records leave the index when their checkpoint has ended",
    FOLLOWER,
    "    this.index.dropBefore(found.replayGeneration);\n",
    "    this.index.clear();\n",
    TEST,
  ),
  bug(
    "follow-judges",
    "a page is damaged only if nobody has the file open",
    FOLLOWER,
    "const isClosed = current !== undefined && !current.open &&",
    "const isClosed = current !== undefined &&",
    TEST,
  ),
  bug(
    "follow-keeps-stale",
    "pages in memory outlive a new beginning only if their headers are current",
    TAKEOVER,
    "      if (isKnown && isSame(frame, place & SLOT_MASK, headers, slot)) continue;\n",
    "      if (isKnown && isSame(frame, place & SLOT_MASK, frame, place & SLOT_MASK)) continue;\n",
    TEST,
  ),
  bug(
    "follow-no-image",
    "a page that a snapshot sees is kept before a newer version replaces it",
    TAKEOVER,
    "    if (!this.#versions.keep(page, from, until, image)) this.#cache.drop(image);\n",
    "    this.#cache.drop(image);\n",
    TEST,
  ),
  bug(
    "follow-old-headers",
    "a header page in memory takes over the headers of pages that change",
    TAKEOVER,
    "    this.#applyToHeaderPage(group, reader);\n",
    "",
    TEST,
  ),
  bug(
    "follow-freed-stays",
    "a page that was freed, or written past the journal, leaves memory",
    TAKEOVER,
    "    if (type !== CHANGED && type !== WHOLE) return this.#cache.drop(place);\n",
    "    if (type !== CHANGED && type !== WHOLE) return;\n",
    TEST,
  ),
  bug(
    "follow-replays-all",
    "records from before a page was written past the journal do not apply to it",
    INDEX,
    "        if (group.bytes[at + TYPE_AT] !== CHANGED) records = [];\n",
    "",
    TEST,
  ),
  bug(
    "follow-in-turn",
    "a follower moves on between turns of the event loop, not within one",
    "store/follow/following_session.ts",
    "    if (this.#isFresh || this.closed) return;\n",
    "    if (this.closed) return;\n",
    TEST,
  ),
];
