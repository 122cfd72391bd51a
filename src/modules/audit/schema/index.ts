import './audit-log.ts';
