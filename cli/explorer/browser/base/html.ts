/**
 * Templates for elements: `htm` bound to `preact`, which needs no build step.
 */

import htm from "htm";
import { type ComponentChild, h, type VNode } from "preact";

/** A template tag. Its result is one element, several, or text. */
type Template = (strings: TemplateStringsArray, ...values: unknown[]) => VNode;

/** The result of a component. */
export type Shown = ComponentChild;

/** A template: html`<p>${text}</p>`. */
export const html: Template = (htm as unknown as { bind(h: unknown): Template }).bind(h);
