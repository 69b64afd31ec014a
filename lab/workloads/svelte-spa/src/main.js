import { mount } from "svelte";
import "catalogue/theme.css";
import App from "./App.svelte";

export default mount(App, { target: document.getElementById("root") });
