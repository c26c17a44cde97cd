import manifest from '../../../package.json' with { type: 'json' };

/** The product's version, as published in the OpenAPI document and the banner. */
export const VERSION: string = manifest.version;
