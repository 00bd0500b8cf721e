/**
 * All opcodes by name.
 */

import { CURSOR_OPS } from "./ops_cursor.ts";
import { FLOW_OPS } from "./ops_flow.ts";
import { ROW_OPS } from "./ops_rows.ts";
import { VALUE_OPS } from "./ops_value.ts";
import { WRITE_OPS } from "./ops_write.ts";

/** All opcodes. */
export const OPCODES = { ...FLOW_OPS, ...VALUE_OPS, ...CURSOR_OPS, ...ROW_OPS, ...WRITE_OPS };

/** The name of an opcode. */
export type Opcode = keyof typeof OPCODES;
