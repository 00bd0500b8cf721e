/**
 * Templates that become elements: `htm` bound to `preact`, and no build.
 */

import htm from "htm";
import { type ComponentChild, h, type VNode } from "preact";

/** What a template may become: one element, several, or text. */
type Template = (strings: TemplateStringsArray, ...values: unknown[]) => VNode;

/** What a component may show. */
export type Shown = ComponentChild;

/** A template: html`<p>${text}</p>`. */
export const html: Template = (htm as unknown as { bind(h: unknown): Template }).bind(h);
