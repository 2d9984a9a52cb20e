export { promotion } from './promotion/promotion.ts';
export { rebuild } from './rebuild/rebuild.ts';
export { resolve } from './resolve.ts';
