/** Whether a text is an IP address or a block of them; the server reads it for good. */
const ADDRESS =
  /^(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F.]{0,15})(?:\/\d{1,3})?$/;

export const isAddress = (text: string): boolean => ADDRESS.test(text);
