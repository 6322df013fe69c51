/** The name of Cordon's audit log and of its key (C2SP tlog-checkpoint). */
export const AUDIT_ORIGIN = "cordon.local/audit";
