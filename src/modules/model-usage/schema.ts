import './model-price.ts';
