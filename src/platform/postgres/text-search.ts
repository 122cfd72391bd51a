export { containsText } from './sql.ts';
