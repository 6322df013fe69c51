/** Named lists of addresses: import, change, look up. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Text,
  Time,
} from "../../kernel/operation.ts";
import { Cidr } from "./resources.ts";

export const AddressListId = idSchema("alist");
const TEXT_BYTES_MAX = 24 * 1_048_576;

export const AddressList = Type.Object({
  addressListId: AddressListId,
  name: Name,
  note: Text,
  /** Lines of the list; and ranges of addresses, where those beside each other are one. */
  entries: Type.Integer(),
  ranges: Type.Integer(),
  sha256: Type.String(),
  createTime: Time,
  updateTime: Time,
});
export type AddressList = Static<typeof AddressList>;

/** An address or block a line, perhaps with the time it ends; `#` begins a comment. */
const ListText = Type.String({ maxLength: TEXT_BYTES_MAX });
const ttlSeconds = Type.Optional(Type.Integer({ minimum: 1, maximum: 31_622_400 }));
const faults = ["waf.addressListNotFound", "waf.addressListInvalid"];

export const listOperations = {
  listAddressLists: operation({
    name: "waf.listAddressLists",
    summary: "List address lists",
    method: "GET",
    path: "/addressLists",
    action: "waf:ListAddressLists",
    resource: "addressList/*",
    input: listInput({}),
    output: listOutput("addressLists", AddressList),
  }),
  getAddressList: operation({
    name: "waf.getAddressList",
    summary: "Get one address list, without its entries",
    method: "GET",
    path: "/addressLists/{addressListId}",
    action: "waf:GetAddressList",
    resource: "addressList/{addressListId}",
    input: input({ addressListId: AddressListId }),
    output: AddressList,
    problems: ["waf.addressListNotFound"],
  }),
  createAddressList: operation({
    name: "waf.createAddressList",
    summary: "Create a list of addresses from text: an address or block a line",
    method: "POST",
    path: "/addressLists",
    action: "waf:CreateAddressList",
    resource: "addressList/*",
    input: input({
      name: Name,
      note: Type.Optional(Text),
      text: Type.Optional(ListText),
      ttlSeconds,
    }),
    output: AddressList,
    problems: ["waf.addressListInvalid", "waf.addressListLimit", "waf.addressListExists"],
    bodyBytesMax: TEXT_BYTES_MAX,
  }),
  importAddressList: operation({
    name: "waf.importAddressList",
    summary: "Replace the entries of a list by those of a text, or add them",
    method: "POST",
    path: "/addressLists/{addressListId}:import",
    action: "waf:UpdateAddressList",
    resource: "addressList/{addressListId}",
    input: input({
      addressListId: AddressListId,
      text: ListText,
      how: Type.Enum(["replaceAll", "addTo"]),
      ttlSeconds,
    }),
    output: AddressList,
    problems: faults,
    bodyBytesMax: TEXT_BYTES_MAX,
  }),
  removeAddresses: operation({
    name: "waf.removeAddresses",
    summary: "Take entries out of a list",
    method: "POST",
    path: "/addressLists/{addressListId}:removeAddresses",
    action: "waf:UpdateAddressList",
    resource: "addressList/{addressListId}",
    input: input({
      addressListId: AddressListId,
      cidrs: Type.Array(Cidr, { minItems: 1, maxItems: 1_000 }),
    }),
    output: AddressList,
    problems: faults,
  }),
  checkAddress: operation({
    name: "waf.checkAddress",
    summary: "Tell whether an address is on a list now",
    method: "GET",
    path: "/addressLists/{addressListId}:check",
    action: "waf:GetAddressList",
    resource: "addressList/{addressListId}",
    input: input({ addressListId: AddressListId, address: Cidr }),
    output: Type.Object({ isListed: Type.Boolean() }),
    problems: ["waf.addressListNotFound", "waf.cidrInvalid"],
  }),
  deleteAddressList: operation({
    name: "waf.deleteAddressList",
    summary: "Delete an address list that no site and no rule uses",
    method: "DELETE",
    path: "/addressLists/{addressListId}",
    action: "waf:DeleteAddressList",
    resource: "addressList/{addressListId}",
    input: input({ addressListId: AddressListId }),
    output: Empty,
    problems: ["waf.addressListNotFound", "waf.addressListInUse"],
  }),
};

export const listResources = [
  {
    name: "addressList",
    idField: "addressListId",
    idPrefix: "alist",
    titleField: "name",
    columns: ["name", "entries", "ranges", "note", "updateTime"],
    list: "listAddressLists",
    get: "getAddressList",
    create: "createAddressList",
    delete: "deleteAddressList",
  },
] as const;

export const listProblems = {
  "waf.addressListNotFound": {
    code: 404,
    message: "There is no such address list",
    fix: "List the address lists and take an id from there",
  },
  "waf.addressListInvalid": {
    code: 400,
    message: "The text cannot be read as a list of addresses",
    fix: "Mend the lines that the details name; nothing was changed",
  },
  "waf.addressListLimit": {
    code: 409,
    message: "This account has as many address lists as an account may have",
    fix: "Join lists, or delete those that are not needed",
  },
  "waf.addressListExists": {
    code: 409,
    message: "There is a list of this name",
    fix: "Import into that list, or choose another name",
  },
  "waf.addressListInUse": {
    code: 409,
    message: "A site or a rule uses this list",
    fix: "Take the list out of what the details name first",
  },
} as const;

export const listEvents = [
  "waf.addressListCreated",
  "waf.addressListChanged",
  "waf.addressListDeleted",
] as const;
