/** The concerns of a site beside its own fields, each with what reads it and what sets it. */
import { catalog } from "../../../../src/catalog.ts";

const operations = catalog.delivery.operations;
const { getSitePolicy, updateSitePolicy } = catalog.waf.operations;
/** What is kept of people's requests is set apart from the rest, beside a warning. */
const { requestRecords, ...otherPolicy } = updateSitePolicy.input.properties;
const { siteId } = otherPolicy;
const setting = <Properties extends object>(properties: Properties) => ({
  ...updateSitePolicy,
  input: { ...updateSitePolicy.input, properties },
});

export const concerns = {
  sitePolicy: [getSitePolicy, setting(otherPolicy)],
  requestRecords: [getSitePolicy, setting({ siteId, requestRecords })],
  upstreams: [operations.getUpstreams, operations.setUpstreams],
  tls: [operations.getTls, operations.setTls],
  protocols: [operations.getProtocols, operations.setProtocols],
  content: [operations.getContent, operations.setContent],
  leaks: [operations.getLeaks, operations.setLeaks],
  pages: [operations.getPages, operations.setPages],
  userAudit: [
    catalog.appgateway.operations.getUserAudit,
    catalog.appgateway.operations.setUserAudit,
  ],
  reportSchedule: [
    catalog.appgateway.operations.getReportSchedule,
    catalog.appgateway.operations.setReportSchedule,
  ],
  learning: [catalog.appgateway.operations.getLearning, catalog.appgateway.operations.setLearning],
} as const;
export type Concern = keyof typeof concerns;
