export { promotion } from './promotion/promotion.ts';
export { resolve } from './resolve.ts';
