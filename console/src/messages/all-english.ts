/** Every word in English; the build runs this file and ships what comes of it. */
import { vocabulary } from "./vocabulary.ts";

export const words = vocabulary("en");
