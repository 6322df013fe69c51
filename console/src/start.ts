/**
 * The first code that runs, small on purpose: it asks for what every page needs at once, while
 * the console itself is still on its way. Pages of people who are not signed in get a 401 here.
 */
import { askEarly } from "./api/early.ts";
import { languageOf, loadWords } from "./messages/load-words.ts";
import { storedPreference } from "./stored-preference.ts";

askEarly("/v1/iam/caller");
void loadWords(languageOf(storedPreference("language")));
void import("./main.tsx");
