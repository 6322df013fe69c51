/** All rules of the house that a program can check, by the name a fault is reported under. */
import { importCycles, importRule } from "./imports.ts";
import { decisionNumbers, foreignPlaces, oneTitle, pureDomain, serviceFiles } from "./project.ts";
import {
  fileLength,
  fileNames,
  functionLength,
  leftOvers,
  lineLength,
  strictTypes,
} from "./shape.ts";
import type { Rule } from "./tree.ts";

export const RULES: Readonly<Record<string, Rule>> = {
  "import rule": importRule,
  "import cycles": importCycles,
  "file length": fileLength,
  "line length": lineLength,
  "function length": functionLength,
  "file names": fileNames,
  "strict types": strictTypes,
  "left-overs": leftOvers,
  "service files": serviceFiles,
  "pure domain": pureDomain,
  "decision numbers": decisionNumbers,
  "one title": oneTitle,
  "foreign places": foreignPlaces,
};
