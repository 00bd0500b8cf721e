/**
 * The explorer's page: the name of the file, the list of views, and the current view.
 */

import { h, render } from "preact";
import { useEffect } from "preact/hooks";
import type { FileInfo } from "../api_types.ts";
import { type Address, addressOf, useAddress, type ViewName, VIEWS } from "./address.ts";
import { useAnswer } from "./base/ask.ts";
import { bytes, count, some } from "./base/figures.ts";
import { html, type Shown } from "./base/html.ts";
import { keepToken } from "./base/token.ts";
import { CacheView } from "./cache_view.ts";
import { DescentView } from "./descent_view.ts";
import { JournalView } from "./journal_view.ts";
import { FileView } from "./map/file_view.ts";
import { PageView } from "./page_view.ts";
import { SqlView } from "./sql/sql_view.ts";
import { StudyView } from "./study_view.ts";
import { WhatIfView } from "./what_if_view.ts";

const EVERY_MS = 2000;

const COMPONENTS: Record<ViewName, (props: { file: FileInfo; given: URLSearchParams }) => Shown> = {
  "file": FileView,
  "page": PageView,
  "descent": DescentView,
  "sql": SqlView,
  "cache": CacheView,
  "journal": JournalView,
  "what-if": WhatIfView,
  "study": StudyView,
};

/** The whole page. */
function App(): Shown {
  const address = useAddress();
  const { data, error } = useAnswer<FileInfo>("/api/file", EVERY_MS);
  useEffect(() => {
    const view = VIEWS.find(([name]) => name === address.view)![1];
    document.title = data === undefined ? "Quire" : `${view} - ${data.name} - Quire`;
  }, [address.view, data?.name]);
  return html`
    <${Header} file=${data} address=${address} error=${error} />
    <main id="main" tabindex="-1">${data === undefined
      ? html`<p class="note">${error === "" ? "Reading the file." : ""}</p>`
      : h(COMPONENTS[address.view], { key: address.view, file: data, given: address.given })}</main>
  `;
}

interface HeaderProps {
  readonly file: FileInfo | undefined;
  readonly address: Address;
  readonly error: string;
}

/** The name of the file, and the list of views. */
function Header({ file, address, error }: HeaderProps): Shown {
  return html`<header>
    <a class="skip" href="#main" onClick=${skip}>To the content</a>
    <div class="title">
      <h1>${file?.name ?? "Quire"}</h1>
      ${file !== undefined && html`<p class="facts">${factsOf(file)}</p>`}
      ${file !== undefined && html`<span class="badge">${stateOf(file)}</span>`}
    </div>
    <nav aria-label="Views"><ul class="views">${
    VIEWS.map(([view, words]) =>
      html`<li key=${view}><a href=${addressOf(view)}
        aria-current=${view === address.view ? "page" : undefined}>${words}</a></li>`
    )
  }</ul></nav>
    ${
    file?.unsynchronised === true && html`<p class="warning" role="status">Unsynchronised: another
      process has this file locked. Headers and pages are read without the lock, as its checkpoints
      left them, and may be of different moments.</p>`
  }
    ${
    file?.followed === true && html`<p class="warning" role="status">Another process has this file
      open: what is shown follows its commits, each when it is certainly on disk.</p>`
  }
    ${error !== "" && html`<p class="error" role="alert">${error}</p>`}
  </header>`;
}

/** Moves the focus without following the link: the fragment of the address names the view. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")!.focus();
}

function factsOf(file: FileInfo): string {
  return [
    bytes(file.bytes),
    some(file.pages, "page"),
    some(file.chunks, "chunk"),
    some(file.trees.length, "tree"),
    `version ${count(file.version)}`,
  ].join(", ");
}

function stateOf(file: FileInfo): string {
  if (file.unsynchronised) return "unsynchronised";
  if (file.followed) return "followed";
  return file.live ? "live" : "read-only";
}

keepToken();
// Opening the printed address again in a tab that shows the page changes only its fragment.
addEventListener("hashchange", keepToken);
render(h(App, {}), document.getElementById("app")!);
