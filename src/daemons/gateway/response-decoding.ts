/**
 * Joins a response to the decoder that it needs: one whose text is masked or compared leaves
 * without its coding; one that only the rules read goes on as it came, once they have judged it.
 */
import { contentDefaults } from "../../kernel/intent/site-delivery.ts";
import { answerOwn, endExchange } from "./answer.ts";
import type { Coding } from "./content-coding.ts";
import { completeAnswer, flush, judgeResponseBody, takeText } from "./response-body.ts";
import { createResponseDecoder } from "./response-decoder.ts";
import type { Exchange } from "./state.ts";

/** Undoes the coding of the response to come; false when too much of this is under way. */
export function undoCoding(exchange: Exchange, coding: Coding): boolean {
  const { gateway } = exchange.connection;
  const { responseDecodersMax, decodedResponseBytesFree: bytesFree } = gateway.limits;
  if (gateway.decoding >= responseDecodersMax) {
    answerOwn(exchange, 503, "responseDecodersExhausted");
    return false;
  }
  const { decodedRatioMax: ratioMax } = exchange.site?.intent.delivery?.content ?? contentDefaults;
  gateway.decoding++;
  exchange.decoder = createResponseDecoder(coding, {
    mayGive: (bytesOut, bytesIn) => bytesOut <= Math.max(bytesFree, bytesIn * ratioMax),
    onText: (text) => {
      takeText(exchange, text);
      if (!exchange.over) flush(exchange);
    },
    onFree: () => exchange.upstream?.socket.resume(),
    onEnd: () => {
      if (completeAnswer(exchange)) endExchange(exchange, exchange.keepClient);
    },
    onFault: (fault) => answerOwn(exchange, 502, `upstream:${fault}`),
  });
  return true;
}

/** Shows the rules the text of a body that is held back for them in its coding. */
export function viewText(exchange: Exchange, coding: Coding): void {
  const view: Buffer[] = [];
  const { responseBodyBytesMax } = exchange.connection.gateway.limits;
  const decoder = createResponseDecoder(coding, {
    mayGive: (bytesOut) => bytesOut < responseBodyBytesMax,
    onText: (text) => view.push(text),
    onFree: () => {},
    onEnd: () => judgeView(exchange, exchange.body?.done === true),
    // Too large, or broken: what there is of it.
    onFault: () => judgeView(exchange, false),
  });
  exchange.view = { text: view, decoder };
}

function judgeView(exchange: Exchange, isWhole: boolean): void {
  if (judgeResponseBody(exchange, isWhole)) return;
  flush(exchange);
  if (exchange.body?.done !== true) exchange.upstream?.socket.resume();
  else if (completeAnswer(exchange)) endExchange(exchange, exchange.keepClient);
}
