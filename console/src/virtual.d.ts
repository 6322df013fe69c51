/** Styles that the build makes from theme.ts. */
declare module "virtual:cordon-theme.css";
