/** Cache keys on their own: the builders, their inverse and glob matching. */
export * from './keys.js';
