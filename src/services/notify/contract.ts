/** Notifications: who is told of what, by which way, and how each message went. */
import { contract } from "../../kernel/operation.ts";
import { channelOperations } from "./channel-operations.ts";
import { routeOperations } from "./route-operations.ts";
import { notifyTexts } from "./texts.ts";

export * from "./resources.ts";

export const notifyContract = contract({
  service: "notify",
  title: "Notifications",
  summary: "Tells people and programs of events by e-mail, webhook and chat",
  resources: [
    {
      name: "channel",
      idField: "channelId",
      idPrefix: "channel",
      titleField: "name",
      columns: ["name", "kind", "target", "enabled", "lastState", "updateTime"],
      list: "listChannels",
      get: "getChannel",
      create: "createChannel",
      update: "updateChannel",
      delete: "deleteChannel",
    },
    {
      name: "notificationRoute",
      idField: "routeId",
      idPrefix: "route",
      titleField: "name",
      columns: [
        "name",
        "severityMin",
        "services",
        "channelIds",
        "days",
        "fromTime",
        "toTime",
        "timeZone",
        "groupSeconds",
        "enabled",
      ],
      list: "listRoutes",
      create: "createRoute",
      update: "updateRoute",
      delete: "deleteRoute",
    },
    {
      name: "silence",
      idField: "silenceId",
      idPrefix: "silence",
      titleField: "reason",
      columns: ["reason", "services", "resource", "severityMax", "createdBy", "expireTime"],
      list: "listSilences",
      create: "createSilence",
      delete: "deleteSilence",
    },
    {
      name: "delivery",
      idField: "deliveryId",
      idPrefix: "delivery",
      titleField: "title",
      columns: ["title", "state", "severity", "eventCount", "channelName", "createTime", "endTime"],
      list: "listDeliveries",
      get: "getDelivery",
    },
  ],
  operations: { ...channelOperations, ...routeOperations },
  problems: {
    "notify.channelNotFound": {
      code: 404,
      message: "There is no such channel",
      fix: "List the channels to see which there are",
    },
    "notify.channelExists": {
      code: 409,
      message: "A channel of this name exists",
      fix: "Choose another name, or change that channel",
    },
    "notify.channelIncomplete": {
      code: 400,
      message: "This kind of channel needs other settings",
      fix: "Give what the details name; docs/notifications.md lists the settings of each kind",
    },
    "notify.channelInUse": {
      code: 409,
      message: "A route sends to this channel",
      fix: "Change or delete the routes that the details name first",
    },
    "notify.routeNotFound": {
      code: 404,
      message: "There is no such route",
      fix: "List the routes to see which there are",
    },
    "notify.routeExists": {
      code: 409,
      message: "A route of this name exists",
      fix: "Choose another name, or change that route",
    },
    "notify.timeZoneInvalid": {
      code: 400,
      message: "There is no such time zone",
      fix: "Use a name of the IANA time zone database, such as Asia/Shanghai or UTC",
    },
    "notify.silenceNotFound": {
      code: 404,
      message: "There is no such silence",
      fix: "It may have expired; list the silences that are in force",
    },
    "notify.deliveryNotFound": {
      code: 404,
      message: "There is no such delivery",
      fix: "Deliveries are kept for 30 days; list those that there are",
    },
    "notify.deliveryNotFailed": {
      code: 409,
      message: "This delivery has not failed",
      fix: "Only a delivery in state failed can be tried again",
    },
    "notify.testsBusy": {
      code: 429,
      message: "Other tests of channels are still under way",
      fix: "Try again in half a minute",
    },
    "notify.limit": {
      code: 409,
      message: "This account has as many of these as an account may have",
      fix: "Delete those that are not needed any more",
    },
    "notify.keydUnavailable": {
      code: 503,
      message: "The secrets of the channel cannot be sealed now",
      fix: "See ./cordon status: keyd must be running and unsealed; then try again",
    },
  },
  texts: notifyTexts,
  events: ["notify.channelCreated", "notify.channelDeleted", "notify.silenceCreated"],
});
