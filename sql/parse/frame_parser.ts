/**
 * Parses the frame of a window.
 */

import { refuse } from "../value/error.ts";
import type { Expr, Frame, FrameBound } from "./ast.ts";
import type { TokenStream } from "./token_stream.ts";

/** Parses a frame, if one is next. */
export function parseFrame(tokens: TokenStream, expr: () => Expr): Frame | undefined {
  const { at } = tokens;
  const unit = tokens.oneOf("ROWS", "RANGE", "GROUPS");
  if (unit === undefined) return undefined;
  const isBetween = tokens.word("BETWEEN");
  const start = boundAt(tokens, expr);
  if (isBetween) tokens.expectWord("AND");
  const end = isBetween ? boundAt(tokens, expr) : CURRENT;
  const rank = (bound: FrameBound) =>
    bound.kind === "current" ? 0 : (bound.isFollowing ? 1 : -1) * (bound.kind === "offset" ? 1 : 2);
  const isMixed = rank(start) > 0 && rank(end) <= 0 || rank(start) === 0 && rank(end) < 0;
  if (rank(start) === 2 || rank(end) === -2 || isMixed) {
    refuse("unsupported frame specification", at);
  }
  const word = unit.toLowerCase() as Frame["unit"];
  return { unit: word, start, end, exclude: excludeAt(tokens) };
}

const CURRENT: FrameBound = { kind: "current", isFollowing: false, offset: undefined };

function boundAt(tokens: TokenStream, expr: () => Expr): FrameBound {
  if (tokens.word("CURRENT", "ROW")) return CURRENT;
  const offset = tokens.word("UNBOUNDED") ? undefined : expr();
  const side = tokens.oneOf("PRECEDING", "FOLLOWING");
  if (side === undefined) return tokens.unexpected("PRECEDING or FOLLOWING");
  const isFollowing = side === "FOLLOWING";
  return { kind: offset === undefined ? "unbounded" : "offset", isFollowing, offset };
}

function excludeAt(tokens: TokenStream): Frame["exclude"] {
  if (!tokens.word("EXCLUDE")) return "no others";
  if (tokens.word("NO", "OTHERS")) return "no others";
  if (tokens.word("CURRENT", "ROW")) return "current row";
  if (tokens.word("GROUP")) return "group";
  if (tokens.word("TIES")) return "ties";
  return tokens.unexpected("NO OTHERS, CURRENT ROW, GROUP or TIES");
}
