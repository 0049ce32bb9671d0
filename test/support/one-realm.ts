import { types } from 'node:util';

/**
 * Jest runs each test file in its own realm, with its own Error and Object. Errors of Node itself (fs, net) belong to the outer
 * realm and fail `instanceof Error`. This makes them pass, as they do outside Jest.
 */
Object.defineProperty(Error, Symbol.hasInstance, {
  configurable: true,
  value(this: typeof Error, value: unknown) {
    // Subclasses inherit this.
    return this === Error
      ? types.isNativeError(value)
      : Function.prototype[Symbol.hasInstance].call(this, value);
  },
});
Object.defineProperty(Object, Symbol.hasInstance, {
  configurable: true,
  value(this: typeof Object, value: unknown) {
    if (this !== Object) return Function.prototype[Symbol.hasInstance].call(this, value);
    return (typeof value === 'object' && value !== null) || typeof value === 'function';
  },
});
