import './schema/audit-log.ts';
