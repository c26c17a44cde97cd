declare const plugin: { readonly rules: Readonly<Record<string, unknown>> };
export default plugin;
