import { types } from 'node:util';

/**
 * Jest runs each test file in a realm of its own, with its own Error and Object. What Node itself throws (fs, net) belongs to the
 * outer realm, and `instanceof Error` denies it. Here it is made to hold, as it does outside of Jest.
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
