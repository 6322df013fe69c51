/** The concerns of a site beside its own fields, each with what reads it and what sets it. */
import { catalog } from "../../../../src/catalog.ts";

const operations = catalog.delivery.operations;
export const concerns = {
  sitePolicy: [catalog.waf.operations.getSitePolicy, catalog.waf.operations.updateSitePolicy],
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
