/** What a site keeps of requests that its rules flagged. One shape for operator and gateway. */
import Type, { type Static } from "typebox";

/** Bytes of a body that a record may hold: what `waf.explainRequest` takes, too. */
const BODY_BYTES_MAX = 131_072;

export const RequestRecordSettings = Type.Object(
  {
    recordedRequests: Type.Enum(["off", "flagged"]),
    /** Of each body; what is longer is cut there. */
    bodyBytesMax: Type.Integer({ minimum: 0, maximum: BODY_BYTES_MAX }),
    /** Names of header fields, form fields and members of JSON, beside those always hidden. */
    hiddenNames: Type.Array(
      Type.String({ minLength: 1, maxLength: 128, pattern: "^[^\\p{C}]+$" }),
      {
        maxItems: 100,
      },
    ),
    daysKept: Type.Integer({ minimum: 1, maximum: 30 }),
  },
  { additionalProperties: false },
);
export type RequestRecordSettings = Static<typeof RequestRecordSettings>;

export const requestRecordDefaults: RequestRecordSettings = {
  recordedRequests: "off",
  bodyBytesMax: 16_384,
  hiddenNames: [],
  daysKept: 7,
};
