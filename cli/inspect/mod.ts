/**
 * Inspects a file that is open here or that another process has locked, through one interface.
 *
 * @module
 */

export {
  type Inspected,
  inspectFile,
  type Inspection,
  type InspectOptions,
} from "./inspect_file.ts";
export { UnlockedInspector } from "./unlocked_inspector.ts";
