// New files for a user: their names before and after, their permissions, and refusals.

import * as fs from "node:fs";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../../tests/support/temp.ts";
import { IoError } from "../format/errors.ts";
import { giveName, NewFile } from "./new_file.ts";

const isUnix = Deno.build.os !== "windows";

function namesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

describe("NewFile", () => {
  it("has another name beside its place until it is finished", () => {
    inTempDir((dir) => {
      const file = new NewFile(`${dir}/a`);
      assertEquals(namesIn(dir), ["a.unfinished"]);
      Deno.writeTextFileSync(file.path, "whole");
      file.finish();
      assertEquals(namesIn(dir), ["a"]);
      assertEquals(Deno.readTextFileSync(`${dir}/a`), "whole");
      file.abandon();
      assertEquals(namesIn(dir), ["a"]);
    });
  });

  it("leaves nothing when it is abandoned", () => {
    inTempDir((dir) => {
      const file = new NewFile(`${dir}/a`);
      file.abandon();
      file.abandon();
      assertEquals(namesIn(dir), []);
    });
  });

  it("takes a name with a number where an unfinished file is, and leaves that alone", () => {
    inTempDir((dir) => {
      Deno.writeTextFileSync(`${dir}/a.unfinished`, "of another");
      const files = [new NewFile(`${dir}/a`), new NewFile(`${dir}/a`)];
      assertEquals(namesIn(dir), ["a.unfinished", "a.unfinished-2", "a.unfinished-3"]);
      files[1]!.finish();
      assertThrows(() => files[0]!.finish(), IoError, "it already exists");
      files[0]!.abandon();
      assertEquals(namesIn(dir), ["a", "a.unfinished"]);
      assertEquals(Deno.readTextFileSync(`${dir}/a.unfinished`), "of another");
    });
  });

  it("refuses a path that exists, or that has no file name", () => {
    inTempDir((dir) => {
      Deno.writeTextFileSync(`${dir}/file`, "mine");
      Deno.mkdirSync(`${dir}/folder`);
      Deno.symlinkSync(`${dir}/missing`, `${dir}/link`);
      const before = namesIn(dir);
      for (const name of ["file", "folder", "link"]) {
        const make = () => new NewFile(`${dir}/${name}`);
        assertThrows(make, IoError, `${name}: it already exists`);
      }
      for (const path of ["", `${dir}/new/`]) {
        assertThrows(() => new NewFile(path), IoError, "the path has no file name");
      }
      assertThrows(() => new NewFile(`${dir}/none/a`), IoError, "no such file");
      assertEquals(namesIn(dir), before);
    });
  });

  it("does not overwrite what appears meanwhile, of any kind", () => {
    for (const kind of ["file", "link", "folder"]) {
      inTempDir((dir) => {
        const file = new NewFile(`${dir}/a`);
        if (kind === "file") Deno.writeTextFileSync(`${dir}/a`, "mine");
        else if (kind === "link") Deno.symlinkSync(`${dir}/missing`, `${dir}/a`);
        else Deno.mkdirSync(`${dir}/a`);
        const before = Deno.lstatSync(`${dir}/a`).ino;
        assertThrows(() => file.finish(), IoError, "a: it already exists");
        file.abandon();
        assertEquals(namesIn(dir), ["a"], kind);
        assertEquals(Deno.lstatSync(`${dir}/a`).ino, before);
      });
    }
  });

  it("refuses to finish another file that has taken its place, and does not remove it", () => {
    inTempDir((dir) => {
      const file = new NewFile(`${dir}/a`);
      Deno.renameSync(file.path, `${dir}/moved`);
      Deno.writeTextFileSync(file.path, "of another");
      assertThrows(() => file.finish(), IoError, "was replaced meanwhile");
      file.abandon();
      assertEquals(namesIn(dir), ["a.unfinished", "moved"]);
    });
  });

  it("has a shorter name where names cannot be as long", () => {
    inTempDir((dir) => {
      for (const name of ["x".repeat(255), "\u00e9".repeat(127)]) {
        const file = new NewFile(`${dir}/${name}`);
        file.finish();
        assert(Deno.statSync(`${dir}/${name}`).isFile);
      }
    });
  });

  it("is not more open than its source, a path or a descriptor", { skip: !isUnix }, () => {
    inTempDir((dir) => {
      const source = `${dir}/source`;
      Deno.writeTextFileSync(source, "");
      for (const mode of [0o600, 0o640, 0o604, 0o644, 0o755]) {
        Deno.chmodSync(source, mode);
        const descriptor = fs.openSync(source, "r");
        for (const copyOf of [source, descriptor]) {
          const file = new NewFile(`${dir}/a`, { copyOf });
          const made = fs.fstatSync(file.descriptor).mode & 0o777;
          assertEquals(made, mode & 0o666 & made, mode.toString(8));
          assertEquals(made & 0o600, 0o600);
          file.abandon();
        }
        fs.closeSync(descriptor);
      }
      const file = new NewFile(`${dir}/a`, { copyOf: `${dir}/none` });
      assertEquals(fs.fstatSync(file.descriptor).mode & 0o777, 0o600);
      file.abandon();
    });
  });

  it("uses a relative path as it is", () => {
    inTempDir((dir) => {
      const before = Deno.cwd();
      Deno.chdir(dir);
      try {
        new NewFile("a").finish();
        assertEquals(namesIn("."), ["a"]);
      } finally {
        Deno.chdir(before);
      }
    });
  });
});

describe("giveName", () => {
  const noLinks = () => {
    throw Object.assign(new Error("operation not permitted"), { code: "EPERM" });
  };

  it("renames where the file system has no hard links, and overwrites nothing", () => {
    inTempDir((dir) => {
      const [from, to] = [`${dir}/from`, `${dir}/to`];
      Deno.writeTextFileSync(from, "whole");
      giveName(from, to, noLinks);
      assertEquals([namesIn(dir), Deno.readTextFileSync(to)], [["to"], "whole"]);
      Deno.writeTextFileSync(from, "other");
      const error = assertThrows(() => giveName(from, to, noLinks), Error);
      assertStringIncludes(error.message, "EEXIST");
      assertEquals(Deno.readTextFileSync(to), "whole");
    });
  });

  it("leaves no empty file when the rename fails", () => {
    inTempDir((dir) => {
      assertThrows(() => giveName(`${dir}/none`, `${dir}/to`, noLinks), Error);
      assertEquals(namesIn(dir), []);
    });
  });
});
