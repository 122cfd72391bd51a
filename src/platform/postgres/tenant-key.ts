export { tenantKey } from './request-scope.ts';
