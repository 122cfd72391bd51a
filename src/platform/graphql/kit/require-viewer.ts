export { requireViewer } from '../viewer.ts';
